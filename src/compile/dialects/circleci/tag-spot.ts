// Where a tag of a text stands in its file, for problems: a script of a hundred lines has one line that is wrong.
import type { Spot } from '../../source/file.ts'
import type { ScalarNode } from '../../source/node.ts'

/**
 * `at`: of its `<<` in the node's text. The file has the same tags in the same order, however the text is quoted, folded or
 * indented; where it does not (an escape that stands for `<`), it is the whole text.
 */
export const tagSpot = (node: ScalarNode, at: number): Spot => {
  const offset = offsetsOf(node)?.get(at)
  if (offset === undefined) return node
  const { text } = node.file
  const start = node.start + offset
  const end = Math.min(...['\n', '>>'].map((mark) => indexOr(text.indexOf(mark, start), node.end)))
  return { file: node.file, start, end: text.startsWith('>>', end) ? end + 2 : start + 2 }
}

/** By the place in the text, the place after the node's beginning; a text may have thousands, all of them wrong. */
const known = new WeakMap<ScalarNode, ReadonlyMap<number, number> | null>()

const offsetsOf = (node: ScalarNode): ReadonlyMap<number, number> | null => {
  const before = known.get(node)
  if (before !== undefined) return before
  const [inText, inSource] = [tagsOf(node.text), tagsOf(node.file.text.slice(node.start, node.end))]
  const isSame = inText.length === inSource.length
  const offsets = isSame ? new Map(inText.map((at, i) => [at, inSource[i] ?? 0])) : null
  known.set(node, offsets)
  return offsets
}

/** From left to right, none inside another: of `<<<` the first two. */
const tagsOf = (text: string): readonly number[] => {
  const tags: number[] = []
  for (let at = text.indexOf('<<'); at !== -1; at = text.indexOf('<<', at + 2)) tags.push(at)
  return tags
}

const indexOr = (index: number, otherwise: number): number => (index === -1 ? otherwise : index)
