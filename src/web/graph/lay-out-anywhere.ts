// Chooses where a graph is laid out: small ones at once, large ones in a worker made through our Trusted Types policy.
import { graphNodesInline } from '../limits.ts'
import { scriptPolicy } from '../state/trusted.ts'
import type { Layout, LayoutInput } from './layout.ts'
import workerUrl from './layout.worker.ts?worker&url'

export const layOutAnywhere = async (input: LayoutInput, signal: AbortSignal): Promise<Layout> => {
  if (input.ids.length > graphNodesInline) return inWorker(input, signal)
  const { layOut } = await import('./layout.ts')
  return layOut(input)
}

const inWorker = (input: LayoutInput, signal: AbortSignal): Promise<Layout> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(scriptPolicy.createScriptURL(workerUrl), { type: 'module' })
    const end = () => worker.terminate()
    signal.addEventListener('abort', end, { once: true })
    worker.onmessage = (event: MessageEvent<Layout>) => {
      end()
      resolve(event.data)
    }
    worker.onerror = (event) => {
      end()
      reject(new Error(event.message))
    }
    worker.postMessage(input)
  })
