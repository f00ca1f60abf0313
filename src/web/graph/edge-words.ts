// What an edge of the graph says, in words: for its title, for the line below the graph and for the table.
import { formatBytes } from '../format/time.ts'
import { text } from '../text/en.ts'
import type { Layer, Passing } from './passing.ts'

export const edgeWords = (edge: Passing): string => {
  const words = text.graph
  return words.edge(
    edge.title,
    [
      edge.isApproval ? words.approval : words.passes(edge.on),
      words.state[edge.state],
      ...(edge.layers.length === 0 ? [] : [layerWords(edge.layers)]),
    ].filter((word) => word !== ''),
  )
}

/** Names of many are cut: the list of files is as long as the workflow. */
const namesMax = 3

export const layerWords = (layers: readonly Layer[]): string => {
  const names = layers.map(({ title }) => title)
  const shown = names.length > namesMax ? [...names.slice(0, namesMax), '…'] : names
  const known = layers.flatMap(({ bytes }) => (bytes === null ? [] : [bytes]))
  const size = known.length === 0 ? null : formatBytes(known.reduce((sum, bytes) => sum + bytes, 0))
  return text.graph.workspace(shown.join(', '), size)
}
