// The namespace driver against the contract, with a real jailer as a child process.
import { readdirSync, readFileSync } from 'node:fs'
import { after, describe } from 'node:test'
import { needsRoot, startJailer } from '../../../../test/support/jailer.ts'
import { silentLog } from '../../../base/log.ts'
import { systemClock } from '../../../sys/index.ts'
import { driverContract } from '../../driver.contract.ts'
import { openNamespaceDriver } from './index.ts'

if (needsRoot) describe('namespace driver', { skip: needsRoot }, () => undefined)
else {
  const jailer = await startJailer()
  after(jailer.stop)
  driverContract('namespace', {
    open: async () => ({
      driver: openNamespaceDriver({ channel: jailer.channel, clock: systemClock, log: silentLog }),
      close: async () => undefined,
    }),
    cycles: 200,
    leaks: async () =>
      [
        ...readdirSync(`${jailer.runDirectory}/nest`),
        ...readdirSync(`${jailer.runDirectory}/nest-records`),
        `${readFileSync(`/proc/${jailer.child.pid}/task/${jailer.child.pid}/children`, 'utf8').trim()}`,
      ].filter(Boolean),
  })
}
