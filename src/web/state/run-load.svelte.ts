// A run found by its number, kept live: fetched once, then patched by the stream, fetched again where that is not
// enough. Shared by the page of the run and the pages of its jobs.
import type { Run } from '../../protocol/api/shapes.ts'
import { text } from '../text/en.ts'
import { ApiProblem } from './api.ts'
import type { App } from './app.svelte.ts'
import type { LiveEvent } from './live-session.ts'
import { createLoad } from './load.svelte.ts'
import { mergeRun, needsFetch } from './merge-run.ts'

export const createRunLoad = (app: App, which: { readonly project: string; readonly number: number }) => {
  const fetchById = (run: string, signal?: AbortSignal): Promise<Run> =>
    app.api.call('run', { path: { run }, ...(signal ? { signal } : {}) })

  const load = createLoad(async (signal) => {
    const found = await app.api.call('runs', { query: { ...which, limit: 1 }, signal })
    const id = found.items.find((run) => run.number === which.number)?.id
    if (id === undefined)
      throw new ApiProblem({ title: text.error.missingTitle, status: 404, code: 'MF4004' })
    return fetchById(id, signal)
  })
  /** What an act answered or a look found: the stream may have told of something later by then. */
  const take = (run: Run) => {
    if (load.data?.id === run.id && run.rev >= load.data.rev) load.data = run
  }
  const refresh = async () => {
    const id = load.data?.id
    if (id !== undefined) take(await fetchById(id))
  }
  const receive = (event: LiveEvent) => {
    const before = load.data
    if (event.t !== 'run' || before === null) return
    const after = mergeRun(before, event)
    load.data = after
    // A failure here shows as a lost stream soon enough; the patch itself is good.
    if (needsFetch(before, after)) refresh().catch(() => undefined)
  }

  $effect(() => {
    app.subject.run = load.data
  })
  $effect(() => () => {
    app.subject.run = null
  })
  const id = $derived(load.data?.id ?? null)
  $effect(() => {
    if (id === null) return
    return app
      .live()
      .subscribe({ topic: `run:${id}`, cursor: () => load.data?.rev ?? 0, on: receive, poll: refresh })
  })
  return { load, take }
}
