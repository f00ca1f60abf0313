// When a nest counts as gone though numbers of its namespaces are seen again.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Survey } from './gone.ts'
import { proveGone } from './prove-gone.ts'

const inode = 4_026_531_000
const seen: Survey = {
  processes: [{ pid: process.pid, uid: 0, namespaces: [inode] }],
  mountTables: new Map(),
  ipcOwners: [],
  isOurs: () => true,
}
const departed = {
  ...{ id: 'n1', uid: null, directory: '/nonexistent/n1', groups: [], namespaces: [inode] },
  isOthers: () => false,
}
const survey = async () => seen
const holdersIn = (gone: Awaited<ReturnType<typeof proveGone>>) =>
  gone.find(({ check }) => check === 'no process in its namespaces')?.ok

test('a number that went to a nest that is only being made is a stranger once that one is made', async () => {
  const made = Promise.withResolvers<void>()
  const making = new Map([['n2', made.promise]])
  let isMade = false
  const isOthers = () => isMade
  const proof = proveGone({ ...departed, isOthers }, { links: [], survey, making })
  assert.equal(
    await Promise.race([proof, new Promise((resolve) => setTimeout(resolve, 1_500, 'waits'))]),
    'waits',
  )
  isMade = true
  made.resolve()
  assert.equal(holdersIn(await proof), true)
})

test('a process in its namespaces is told, also where another nest was being made', async () => {
  const asked = { links: [], survey, making: new Map() }
  assert.equal(holdersIn(await proveGone(departed, asked)), false)
  const failed = Promise.reject(new Error('not made'))
  failed.catch(() => undefined)
  const beside = { ...asked, making: new Map([['n2', failed]]) }
  assert.equal(holdersIn(await proveGone(departed, beside)), false)
})
