// The namespace driver against the contract, with a real jailer as a child process.
import { readdirSync, readFileSync } from 'node:fs'
import { after, describe } from 'node:test'
import { needsRoot, startJailer } from '../../../../test/support/jailer.ts'
import { silentLog } from '../../../base/log.ts'
import { systemClock } from '../../../sys/index.ts'
import { driverContract } from '../../driver.contract.ts'
import { openNamespaceDriver } from './index.ts'

const childrenOf = (pid: number): readonly number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)

/** The one child that stays, for the nests to come. */
const isMaker = (pid: number): boolean =>
  readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('mayfly-maker')

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
        ...childrenOf(Number(jailer.child.pid)).flatMap((pid) => (isMaker(pid) ? childrenOf(pid) : [pid])),
      ].map(String),
  })
}
