// The icon of the tab: the shape of the run that is looked at, else the mark. Files of ours, because the policy lets nothing be inlined.
import type { Status } from '../../protocol/api/shapes.ts'

const icons: Readonly<Record<Status, string>> = {
  waiting: new URL('../icons/status/waiting.svg', import.meta.url).href,
  queued: new URL('../icons/status/queued.svg', import.meta.url).href,
  on_hold: new URL('../icons/status/on-hold.svg', import.meta.url).href,
  running: new URL('../icons/status/running.svg', import.meta.url).href,
  passed: new URL('../icons/status/passed.svg', import.meta.url).href,
  unstable: new URL('../icons/status/unstable.svg', import.meta.url).href,
  failed: new URL('../icons/status/failed.svg', import.meta.url).href,
  timed_out: new URL('../icons/status/timed-out.svg', import.meta.url).href,
  errored: new URL('../icons/status/errored.svg', import.meta.url).href,
  cancelled: new URL('../icons/status/cancelled.svg', import.meta.url).href,
  skipped: new URL('../icons/status/skipped.svg', import.meta.url).href,
}
const mark = new URL('../icons/mark.svg', import.meta.url).href

export const showFavicon = (document: Document, status: Status | null): void => {
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]')
  const href = status === null ? mark : icons[status]
  if (link !== null && link.href !== href) link.href = href
}
