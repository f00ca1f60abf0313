// The compatibility report of `mayfly lint --report`: how many constructs are carried out as written, and what becomes
// of the others. The same thing said of several lines is said once.
import { plural } from '../../base/plural.ts'
import { type Construct, printable, type Verdict, verdicts } from '../../compile/index.ts'
import { countVerdicts } from '../../protocol/constructs.ts'
import { type Colour, paintFor, wrapText } from '../look.ts'
import type { Surroundings } from '../surroundings.ts'

export type FileReport = { readonly path: string; readonly constructs: readonly Construct[] }

const colours: Readonly<Record<Verdict, Colour>> = {
  honoured: 'green',
  translated: 'cyan',
  ignored: 'yellow',
  refused: 'red',
}

export const writeReport = (around: Surroundings, reports: readonly FileReport[]): string =>
  around.stdout.isTerminal
    ? reports.map((report) => forTerminal(around, report)).join('\n')
    : forPipe(reports)

/** Every construct on a line of its own: place, verdict, what, why, what instead. */
const forPipe = (reports: readonly FileReport[]): string =>
  reports
    .flatMap(({ constructs }) => constructs)
    .map(({ at, verdict, what, text, instead }) => {
      const cells = [`${at.file}:${at.line}:${at.column}`, verdict, what, text ?? '', instead ?? '']
      return `${cells.map(printable).join('\t')}\n`
    })
    .join('')

type Group = Construct & { readonly places: string[] }

const forTerminal = (around: Surroundings, { path, constructs }: FileReport): string => {
  const paint = paintFor(around, around.stdout)
  const counts = countVerdicts(constructs)
  const words = verdicts.flatMap((verdict) =>
    counts[verdict] === 0 ? [] : [paint(colours[verdict], `${counts[verdict]} ${verdict}`)],
  )
  const head = `${paint('bold', printable(path))}: ${plural(constructs.length, 'construct')}${words.length > 0 ? ', ' : ''}${words.join(', ')}\n`
  const sections = verdicts
    .filter((verdict) => verdict !== 'honoured' && counts[verdict] > 0)
    .toReversed()
    .map((verdict) => {
      const groups = groupsOf(
        path,
        constructs.filter((construct) => construct.verdict === verdict),
      )
      const lines = groups.flatMap((group) => groupLines(group, around.stdout.columns))
      return `\n${paint(colours[verdict], verdict)}\n${lines.map((line) => `${line}\n`).join('')}`
    })
  return head + sections.join('')
}

const groupsOf = (path: string, constructs: readonly Construct[]): readonly Group[] => {
  const groups = new Map<string, Group>()
  for (const construct of constructs) {
    const { at, what, text, instead } = construct
    const place = at.file === path ? String(at.line) : `${at.file}:${at.line}`
    const key = JSON.stringify([what, text, instead])
    const group = groups.get(key)
    if (group) group.places.push(place)
    else groups.set(key, { ...construct, places: [place] })
  }
  return [...groups.values()]
}

const placesShown = 12

const groupLines = ({ what, text, instead, places }: Group, columns: number): readonly string[] => {
  const unique = [...new Set(places)]
  const shown = unique.slice(0, placesShown).join(', ')
  const more = unique.length > placesShown ? ` and ${unique.length - placesShown} more` : ''
  const room = Math.max(40, columns) - 6
  const indented = (words: string) => wrapText(printable(words), room).map((line) => `      ${line}`)
  return [
    `  ${printable(what)}  ${unique.length === 1 ? 'line' : 'lines'} ${shown}${more}`,
    ...(text === null ? [] : indented(text)),
    ...(instead === null ? [] : indented(`instead: ${instead}`)),
  ]
}
