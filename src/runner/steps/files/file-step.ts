// One step that carries files, by its kind.
import type { PlanFilesStep } from '../../../protocol/plan.ts'
import { storeArtifacts } from './artifacts.ts'
import { restoreCache, saveCache } from './cache.ts'
import type { FilesAnswer, FilesPlace } from './place.ts'
import { attach, persist } from './workspace.ts'

/** What is wrong with paths, keys and files is an answer; rejects for faults of ours and when `signal` aborts. */
export const fileStep = async (
  step: PlanFilesStep,
  place: FilesPlace,
  signal: AbortSignal,
): Promise<FilesAnswer> => {
  switch (step.kind) {
    case 'persist':
      return persist(step, place, signal)
    case 'attach':
      return attach(step, place, signal)
    case 'save-cache':
      return saveCache(step, place, signal)
    case 'restore-cache':
      return restoreCache(step, place, signal)
    case 'store-artifacts':
      return storeArtifacts(step, place, signal)
    case 'store-tests':
      // Loads the reader of XML: only runners of jobs that store results ever do.
      return (await import('../tests/store-tests.ts')).storeTests(step, place, signal)
  }
}
