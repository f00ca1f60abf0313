// What jobs hand on as files, asked for while a graph or its table is shown: again when a job has ended, not at every change of the
// run. Without it edges say what they said before.
import { untrack } from 'svelte'
import type { Job, Run } from '../../protocol/api/shapes.ts'
import type { JobWorkspace } from '../../protocol/api/workspaces.ts'
import { isFinished } from '../format/status.ts'
import { useApp } from '../state/app.svelte.ts'
import { createLoad } from '../state/load.svelte.ts'

export const createWorkspaces = (of: () => { readonly run: Run; readonly jobs: readonly Job[] }) => {
  const { api } = useApp()
  const isAsked = $derived(of().jobs.some(({ needs }) => needs.length > 0))
  const ended = $derived(of().jobs.filter(({ status }) => isFinished(status)).length)
  const load = createLoad(async (signal): Promise<readonly JobWorkspace[]> => {
    void ended
    if (!isAsked) return []
    const run = untrack(() => of().run.id)
    return (await api.call('runWorkspaces', { path: { run }, signal })).items
  })
  return {
    get items(): readonly JobWorkspace[] {
      return load.data ?? []
    },
  }
}
