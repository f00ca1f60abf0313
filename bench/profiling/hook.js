// Stands before a program of a copied build: SIGUSR2 begins a profile of the processor, the next one writes it and begins a
// timeline of the heap, the third writes that. `DIRECTORY` and `PROGRAM` are put in when it is copied.
import { createWriteStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { Session } from 'node:inspector/promises'

const session = new Session()
session.connect()
const target = (ending) => `DIRECTORY/PROGRAM-${process.pid}.${ending}`

const beginCpu = async () => {
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: 250 })
  await session.post('Profiler.start')
}

const endCpu = async () => {
  const { profile } = await session.post('Profiler.stop')
  await writeFile(target('cpuprofile'), JSON.stringify(profile))
  await session.post('HeapProfiler.startTrackingHeapObjects', { trackAllocations: true })
}

const endHeap = async () => {
  const out = createWriteStream(target('heaptimeline.part'))
  session.on('HeapProfiler.addHeapSnapshotChunk', ({ params }) => out.write(params.chunk))
  await session.post('HeapProfiler.stopTrackingHeapObjects', { reportProgress: false })
  await new Promise((resolve) => out.end(resolve))
  await writeFile(target('done'), '')
}

const steps = [beginCpu, endCpu, endHeap]
let next = 0
process.on('SIGUSR2', () => {
  steps[next++ % steps.length]?.().catch((error) => console.error('profile:', error))
})
