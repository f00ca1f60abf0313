// What is longer than the terminal goes through the program that PAGER names. Only verbs that are listed here, whose output somebody reads
// and which shows no secret; the pager gets what a terminal would get, made harmless before (inert.ts), and nothing of our environment.
import { guarded } from './inert.ts'
import { passedOn } from './passed-on.ts'
import type { Output, Pager, Surroundings } from './surroundings.ts'

export const pagedVerbs: readonly string[] = [
  ...['runs list', 'runs view', 'runs why', 'runs changes', 'runs compare', 'runs annotations'],
  ...['runs parameters', 'logs', 'artifacts list', 'tests list', 'deliveries list', 'deliveries view'],
  ...['schedules list', 'project list', 'project view', 'project admissions', 'orb list', 'orb show'],
  ...['secrets list', 'secrets show', 'secrets reach', 'secrets signatures', 'secrets proposals'],
  ...['context list', 'context view', 'oidc show', 'webhook list', 'webhook show', 'webhook deliveries'],
  ...[
    'webhook delivery',
    'token list',
    'audit list',
    'session list',
    'member list',
    'member invitations',
    'runner list',
  ],
  ...['config show', 'config graph', 'config diff', 'config simulate', 'config schema', 'explain', 'help'],
]

type Flags = { readonly json?: boolean; readonly follow?: boolean }

/** The words of PAGER where a pager is wanted, else null. There is no shell: they are a program and its arguments. */
export const pagerWords = (
  { stdout, environment, wishes }: Surroundings,
  verb: string,
  { json, follow }: Flags,
): readonly string[] | null => {
  const words = (environment.PAGER ?? '').split(/\s+/).filter((word) => word !== '')
  const isFor = stdout.isTerminal && wishes?.mayAsk !== false && environment.TERM !== 'dumb'
  const isRead = pagedVerbs.includes(verb) && json !== true && follow !== true
  return isFor && isRead && words.length > 0 ? words : null
}

/** Exit code of `work`, whose output a person reads; when they end the pager, nobody waits for the rest. */
export const withPager = async (
  around: Surroundings,
  words: readonly string[],
  work: (own: Surroundings) => Promise<number>,
): Promise<number> => {
  const left = new AbortController()
  const held: (string | Uint8Array)[] = []
  const paging = openPaging(around, words, () => left.abort())
  const own = {
    ...around,
    stdout: guarded(paging.output),
    // Two programs do not write on one screen.
    stderr: {
      ...around.stderr,
      write: (text: string | Uint8Array) =>
        void (paging.isOpen() ? held.push(text) : around.stderr.write(text)),
    },
    interrupted: AbortSignal.any([around.interrupted, left.signal]),
  }
  const over = new Promise<number>((resolve) => left.signal.addEventListener('abort', () => resolve(0)))
  try {
    const working = work(own)
    working.catch(() => undefined)
    return await Promise.race([working, over])
  } finally {
    await paging.close()
    for (const text of held) around.stderr.write(text)
  }
}

type Paging = {
  readonly output: Output
  readonly isOpen: () => boolean
  readonly close: () => Promise<void>
}

/** Keeps what fits the screen; the first line too many starts the pager. */
const openPaging = (around: Surroundings, words: readonly string[], onLeft: () => void): Paging => {
  const { stdout } = around
  const kept: (string | Uint8Array)[] = []
  let lines = 0
  let pager: Pager | null = null
  let isClosing = false
  const start = (): Pager | null => {
    const started = around.startPager(words, environmentOf(around))
    started?.ended.then(() => {
      if (!isClosing) onLeft()
    })
    if (started === null) around.stderr.write(`note: the pager ${words[0]} does not start\n`)
    return started
  }
  const flush = (to: Pick<Output, 'write'>) => {
    for (const text of kept.splice(0)) to.write(text)
  }
  return {
    isOpen: () => pager !== null,
    output: {
      isTerminal: true,
      get columns() {
        return stdout.columns
      },
      get rows() {
        return stdout.rows
      },
      write: (text) => {
        kept.push(text)
        if (pager === null && lines <= roomOf(stdout)) {
          lines += linesOf(text, stdout.columns)
          if (lines <= roomOf(stdout)) return
          pager = start()
        }
        flush(pager ?? stdout)
      },
    },
    close: async () => {
      isClosing = true
      if (pager === null) flush(stdout)
      await pager?.end()
    },
  }
}

/** One line stays for the prompt. */
const roomOf = ({ rows }: Output): number => (rows ?? 24) - 1

// biome-ignore lint/suspicious/noControlCharactersInRegex: colour sequences begin with one.
const colours = /\u001b\[[0-9;]*m/g

const linesOf = (text: string | Uint8Array, columns: number): number => {
  const lines = (typeof text === 'string' ? text : Buffer.from(text).toString('utf8')).split('\n')
  return lines.reduce(
    (sum, line) => sum + Math.max(1, Math.ceil(line.replaceAll(colours, '').length / Math.max(1, columns))),
    -1,
  )
}

const ofTerminals =
  /^(HOME|PATH|TERM|TERMINFO|TERMINFO_DIRS|LANG|LANGUAGE|LC_\w+|LESS|LESSCHARSET|COLUMNS|LINES)$/

/** No token, and nothing that has a pager start other programs (LESSOPEN, LESSEDIT). */
const environmentOf = ({ environment }: Surroundings): Readonly<Record<string, string>> => ({
  // As Git does: colours pass, what fits one screen is not held, and nothing is wiped at the end.
  LESS: 'FRX',
  ...passedOn(environment, ofTerminals),
})
