// The run that the present page is about, for what stands around the page: breadcrumb, keys, palette, icon of the tab.
import type { Run } from '../../protocol/api/shapes.ts'

export const createSubject = () => {
  let run = $state.raw<Run | null>(null)
  return {
    get run() {
      return run
    },
    set run(next: Run | null) {
      run = next
    },
  }
}
export type Subject = ReturnType<typeof createSubject>
