// Looks all over the machine for a secret that a job made (isolation.md §13), as it is and in the forms in which
// programs pass things on. Reads only; the secret itself is known to nobody but the job and this process' memory.
import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, lstatSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs'

/** As it is, hexadecimal, and base64 at the three places where it can begin. */
export const formsOf = (secret: string): readonly Buffer[] => [
  Buffer.from(secret),
  Buffer.from(Buffer.from(secret).toString('hex')),
  ...[0, 1, 2].map((before) => Buffer.from(base64Inside(secret, before))),
]

/** The characters of the encoding that depend on the secret alone, whatever stands before and after it. */
const base64Inside = (secret: string, before: number): string => {
  const text = Buffer.from(`${'\0'.repeat(before)}${secret}`)
    .toString('base64')
    .replace(/=+$/, '')
  return text.slice(Math.ceil((before * 4) / 3), -1)
}

export const holds = (bytes: Buffer, forms: readonly Buffer[]): boolean =>
  forms.some((form) => bytes.includes(form))

/** Processes that carry it in arguments, environment, mappings or open files. */
export const processesWith = (forms: readonly Buffer[]): readonly string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) =>
      [
        ...['cmdline', 'environ', 'maps'].map((file) => [
          file,
          quietly(() => readFileSync(`/proc/${pid}/${file}`)),
        ]),
        ...quietly(() => readdirSync(`/proc/${pid}/fd`), []).map((fd) => [
          `fd ${fd}`,
          quietly(() => Buffer.from(readlinkSync(`/proc/${pid}/fd/${fd}`))),
        ]),
      ].flatMap(([what, bytes]) => (holds(bytes as Buffer, forms) ? [`process ${pid}: ${what}`] : [])),
    )

/** Files of every file system but the kernel's own, changed since `stamp` was made, whose name or content has it. */
export const filesWith = (forms: readonly Buffer[], stamp: string): readonly string[] => {
  // Clones and packages of other people's work on this machine change all the time and belong to no job.
  const kernels = ['/proc', '/sys', '/dev/pts', '/dev/mqueue'].flatMap((path) => ['-path', path, '-o'])
  // What vanishes while it walks is an error to find and none to us.
  const { stdout: list } = spawnSync(
    'find',
    ['/', '(', ...kernels, '-name', 'node_modules', ')', '-prune', '-o', '-newer', stamp, '-print0'],
    { maxBuffer: 256 * 1024 * 1024, stdio: ['ignore', 'pipe', 'ignore'] },
  )
  return list
    .toString('latin1')
    .split('\0')
    .filter((path) => path !== '')
    .map((path) => Buffer.from(path, 'latin1'))
    .filter((path) => holds(path, forms) || fileHolds(path, forms))
    .map((path) => path.toString())
}

const chunkBytes = 4 * 1024 * 1024

const fileHolds = (path: Buffer, forms: readonly Buffer[]): boolean => {
  const longest = Math.max(...forms.map((form) => form.length))
  if (!quietly(() => lstatSync(path).isFile(), false)) return false
  const file = quietly(() => openSync(path, 'r'), -1)
  if (file === -1) return false // gone since it was listed
  try {
    const chunk = Buffer.alloc(chunkBytes)
    for (let kept = 0; ; ) {
      const read = quietly(() => readSync(file, chunk, kept, chunkBytes - kept, null), 0)
      if (read === 0) return false
      const filled = kept + read
      if (holds(chunk.subarray(0, filled), forms)) return true
      kept = Math.min(longest, filled)
      chunk.copyWithin(0, filled - kept, filled)
    }
  } finally {
    closeSync(file)
  }
}

/** Where a nest of this id is still known: mounts of any process, control groups, names below /run. */
export const tracesOfNest = (nest: string): readonly string[] => [
  ...readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => quietly(() => readFileSync(`/proc/${pid}/mountinfo`, 'utf8'), '').includes(nest))
    .map((pid) => `mount seen by process ${pid}`),
  ...execFileSync('find', ['/sys/fs/cgroup', '/run', '-name', `*${nest}*`], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
    .split('\n')
    .filter((path) => path !== ''),
]

/** What may be gone, or not ours to see, between listing and reading. */
function quietly(read: () => Buffer): Buffer
function quietly<T>(read: () => T, otherwise: T): T
function quietly<T>(read: () => T, otherwise?: T): T | Buffer {
  try {
    return read()
  } catch {
    return otherwise ?? Buffer.alloc(0)
  }
}
