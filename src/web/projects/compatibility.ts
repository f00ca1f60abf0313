// The report of a configuration as a page shows it: of what is not carried out as written the worst first, the same thing said of
// several lines once. Pure; setup-compatibility.svelte draws it.
import type { Construct } from '../../protocol/api/shapes.ts'
import { verdicts } from '../../protocol/constructs.ts'

export type ReportRow = Pick<Construct, 'what' | 'verdict' | 'text' | 'instead'> & { readonly places: string }

const placesShown = 8

export const reportRows = (constructs: readonly Construct[], path: string): readonly ReportRow[] => {
  const groups = new Map<string, { readonly first: Construct; readonly places: Set<string> }>()
  for (const construct of constructs) {
    const { what, verdict, text, instead, at } = construct
    if (verdict === 'honoured') continue
    const key = JSON.stringify([what, text, instead])
    const group = groups.get(key) ?? { first: construct, places: new Set<string>() }
    group.places.add(at.file === path ? String(at.line) : `${at.file}:${at.line}`)
    groups.set(key, group)
  }
  return [...groups.values()]
    .sort((a, b) => verdicts.indexOf(b.first.verdict) - verdicts.indexOf(a.first.verdict))
    .map(({ first: { what, verdict, text, instead }, places }) => ({
      ...{ what, verdict, text, instead },
      places: [...[...places].slice(0, placesShown), ...(places.size > placesShown ? ['…'] : [])].join(', '),
    }))
}
