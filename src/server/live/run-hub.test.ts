import assert from 'node:assert/strict'
import { test } from 'node:test'
import { projectId, runId } from '../../../test/support/live-sources.ts'
import type { OrganisationId } from '../../base/ids.ts'
import { scopeOfOrganisation } from '../access/actor.ts'
import { createRunHub } from './run-hub.ts'

test('a read is shared by who may see the same, and by nobody else', async () => {
  const asked: unknown[] = []
  const hub = createRunHub({
    onChange: () => () => undefined,
    jobsSince: async (scope) => {
      asked.push(scope.projects)
      return null
    },
  })
  const organisation = 'org_1' as OrganisationId
  const [all, one, none] = [null, [projectId], []].map((projects) =>
    scopeOfOrganisation(organisation, projects),
  )
  assert.ok(all && one && none)
  await Promise.all([all, all, one, one, none].map((scope) => hub.changes(scope, runId, 0)))
  assert.deepEqual(asked, [null, [projectId], []])
  hub.close()
})
