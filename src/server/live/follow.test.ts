// Followers that cannot keep up. How they are served otherwise is in live-runs.db.test.ts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '../../base/faults.ts'
import type { RunId } from '../../base/ids.ts'
import { type FollowDeps, type Following, follow } from './follow.ts'
import { limits } from './limits.ts'
import type { RunHandler } from './run-hub.ts'
import { parseTopic } from './topic.ts'

test('who follows runs and has missed news of one is told to load the list anew', async () => {
  let tell: RunHandler = () => undefined
  const hub: Pick<FollowDeps['hub'], 'watch' | 'changes'> = {
    watch: (handler) => {
      tell = handler
      return () => undefined
    },
    changes: async () => null,
  }
  const following = {
    ...{ actor: { scope: { organisation: 'org', projects: null } }, topic: parseTopic('runs'), cursor: 0 },
    ...{ send: async () => undefined, signal: new AbortController().signal },
  }
  // SAFE: nothing else of these is looked at.
  const followed = follow({ hub } as FollowDeps, following as unknown as Following)
  for (let n = 0; n <= limits.pendingRuns; n++)
    tell({ organisation: 'org', project: 'prj', run: `run_${n}` as RunId, rev: 1 } as never)
  await assert.rejects(followed, (error) => isFault(error, 'E_DATABASE'))
})
