// What a form gives a pipeline: values for the parameters that the newest plan of a branch declares, or, where nobody knows
// them or somebody knows better, rows of name, type and value. Asked anew for another branch.
import { tick } from 'svelte'
import type { DeclaredParameters } from '../../protocol/api/shapes.ts'
import { refusalsOf } from '../../protocol/pipeline-parameters.ts'
import type { Api } from '../state/api.ts'
import { createLoad } from '../state/load.svelte.ts'
import { type Declared, given, type Parameter, type Values, valuesOf } from './parameters.ts'

export type RunParameters = ReturnType<typeof createRunParameters>

export const createRunParameters = (api: Api, project: () => string) => {
  let ref = $state('')
  let edited = $state.raw<Readonly<Record<string, string>>>({})
  let rows = $state.raw<readonly Parameter[]>([])
  let isFree = $state(false)
  let refused = $state.raw<ReadonlyMap<string, string>>(new Map())
  const load = createLoad((signal) => ask(ref, signal))
  const ask = (wanted: string, signal?: AbortSignal): Promise<Asked> =>
    api
      .call('projectParameters', {
        path: { project: project() },
        query: wanted === '' ? {} : { ref: wanted },
        ...(signal && { signal }),
      })
      .then((found) => ({ wanted, found }))
  /** Empty while the fields stand for what is not known. */
  const fields = $derived<readonly Declared[]>(isFree ? [] : (load.data?.found.parameters ?? []))

  return {
    load,
    get fields() {
      return fields
    },
    get rows() {
      return rows
    },
    get isFree() {
      return isFree
    },
    get refused() {
      return refused
    },
    textOf: ({ name, default: value }: Declared): string =>
      edited[name] ?? (value === null ? '' : String(value)),
    edit: (name: string, text: string) => {
      edited = { ...edited, [name]: text }
      refused = new Map([...refused].filter(([other]) => other !== name))
    },
    editRows: (next: readonly Parameter[]) => {
      rows = next
    },
    setFree: (next: boolean) => {
      isFree = next
      refused = new Map()
    },
    /** Of another branch or tag; empty: the default branch. */
    setRef: (next: string) => {
      ref = next.trim()
    },
    /** null: something is refused, and stands beside its field, where whoever types is then. */
    give: async (form: HTMLFormElement): Promise<{ parameters?: Values } | null> => {
      // Somebody was faster than the answer.
      if (!isFree && load.data?.wanted !== ref) load.data = await ask(ref)
      if (isFree || load.data?.found.parameters == null) return given(rows)
      const values = valuesOf(load.data.found.parameters, edited)
      refused = new Map(
        refusalsOf(load.data.found.parameters, values).map(({ name, words }) => [name, words]),
      )
      if (refused.size > 0) {
        await tick()
        form.querySelector<HTMLElement>('[aria-invalid]')?.focus()
        return null
      }
      return Object.keys(values).length === 0 ? {} : { parameters: values }
    },
  }
}

type Asked = { readonly wanted: string; readonly found: DeclaredParameters }
