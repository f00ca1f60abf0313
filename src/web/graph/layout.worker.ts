// Lays out one large graph off the page's thread: a message in, a message out.
import { type LayoutInput, layOut } from './layout.ts'

globalThis.onmessage = (event: MessageEvent<LayoutInput>) => {
  globalThis.postMessage(layOut(event.data))
}
