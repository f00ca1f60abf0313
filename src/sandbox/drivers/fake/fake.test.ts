// The fake driver keeps the contract where it has something to keep it with.
import { systemClock } from '../../../sys/index.ts'
import { driverContract } from '../../driver.contract.ts'
import { createFakeDriver } from './index.ts'

const noProcesses = 'the fake driver starts no processes'
const needsProcesses = [
  'output of a megabyte without a newline arrives whole',
  'output larger than every buffer arrives whole, from the first byte on',
  'a slow reader slows the step, not our memory',
  'who takes output gets all of it, one piece at a time, and has each only until it returns',
  'who takes output and breaks off does not end the step',
  'environment of every byte and every name reaches the step',
  'what no process can have is refused in words',
  'a step starts with the usual mask, directory, home and signals',
  'a script of a megabyte and any text runs',
  'stdin reaches the step and ends',
  'a daemon of one step serves the next, and dies with the sandbox',
  'a background step runs beside others until the sandbox closes',
  'a step that kills its whole group ends only itself',
  'a step that kills the loop ends the job with a plain result',
  'steps of clean cells see neither files nor processes of others',
  'a tree goes in and comes out',
  'what is copied out is bounded',
  'a broken archive is a fault and the sandbox closes',
]

driverContract('fake', {
  open: async () => ({ driver: createFakeDriver({ clock: systemClock }), close: async () => undefined }),
  skip: Object.fromEntries(needsProcesses.map((title) => [title, noProcesses])),
  cycles: 200,
})
