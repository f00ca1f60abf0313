// Looks through text for what somebody asked for, in a thread of its own: a regular expression from outside may never end, and is
// ended with this thread by whoever started it (server/logs/searcher.ts). It has no settings, opens nothing and keeps nothing.
import { parentPort } from 'node:worker_threads'
import type { FromSearch, ToSearch } from '../protocol/terminal/search-messages.ts'
import { createTextSearch } from '../protocol/terminal/text-search.ts'

let search: ReturnType<typeof createTextSearch> = null

const answer = (message: ToSearch): FromSearch => {
  if (message.t === 'query') {
    search = createTextSearch(message.query, message.linesMax)
    return { t: 'query', isValid: search !== null }
  }
  const found =
    message.t === 'end' ? search?.end() : search?.piece(message.step, message.firstLine, message.bytes)
  return { t: 'found', found: found ?? { count: 0, lines: [] } }
}

parentPort?.on('message', (message: ToSearch) => parentPort?.postMessage(answer(message)))
