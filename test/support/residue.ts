// Looks all over the machine for a secret that a job made (isolation.md §13), as it is and in the forms in which
// programs pass things on. Reads only; the secret itself is known to nobody but the job and this process' memory.
import { spawnSync } from 'node:child_process'
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
/** From here on grep reads: it looks for all forms at once and steps over holes. */
const largeBytes = 16 * 1024 * 1024

const fileHolds = (path: Buffer, forms: readonly Buffer[]): boolean => {
  const about = quietly(() => lstatSync(path), null)
  if (!about?.isBlockDevice() && !about?.isFile()) return false
  const isLarge = about.isBlockDevice() || about.size > largeBytes
  return (!isLarge || grepFinds(path, forms)) && readFinds(path, forms)
}

const readFinds = (path: Buffer, forms: readonly Buffer[]): boolean => {
  const longest = Math.max(...forms.map((form) => form.length))
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

/**
 * Whether a part of one of the forms is there. Parts, because a newline ends a pattern of grep and a zero byte a line of
 * what it reads; a form that begins with a newline would be an empty pattern, which is in every file. The forms are not
 * in its arguments, where the search for processes would find them.
 */
const grepFinds = (path: Buffer, forms: readonly Buffer[]): boolean => {
  const { status, stderr } = spawnSync('grep', ['-qazFf', '-', '--', path.toString()], {
    input: Buffer.concat(forms.flatMap((form) => [longestPart(form), Buffer.from('\n')])),
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
  })
  if (status !== 0 && status !== 1) throw new Error(`${path}: ${stderr}`)
  return status === 0
}

const longestPart = (form: Buffer): Buffer => {
  const parts = form.toString('latin1').split(/[\n\0]/)
  const longest = parts.reduce((best, part) => (part.length > best.length ? part : best))
  return Buffer.from(longest, 'latin1')
}

/**
 * Processes whose own memory has it: every region that is writable and in use. Who is asked must not be this process,
 * which knows what it looks for.
 */
export const memoryWith = (forms: readonly Buffer[], pids: readonly number[]): readonly string[] =>
  pids.flatMap((pid) => {
    const memory = quietly(() => openSync(`/proc/${pid}/mem`, 'r'), -1)
    if (memory === -1) return []
    try {
      const found = regionsOf(pid).find((region) => regionHolds(memory, region, forms))
      return found === undefined ? [] : [`memory of process ${pid}: ${found.name}`]
    } finally {
      closeSync(memory)
    }
  })

type Region = { readonly from: number; readonly size: number; readonly name: string }

/** Regions without a resident page are left out: reserved by Node by the gigabyte, and empty. */
const regionsOf = (pid: number): readonly Region[] =>
  quietly(() => readFileSync(`/proc/${pid}/smaps`))
    .toString('latin1')
    .split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
    .flatMap((text) => {
      const [, from = '', to = '', mode = '', name = ''] =
        /^(\w+)-(\w+) (\S+) \S+ \S+ \S+ *(.*)/.exec(text) ?? []
      const isUsed = /^(Rss|Swap): +[1-9]/m.test(text)
      const [start, end] = [Number.parseInt(from, 16), Number.parseInt(to, 16)]
      return mode.startsWith('rw') && isUsed ? [{ from: start, size: end - start, name: name || from }] : []
    })

const regionHolds = (memory: number, { from, size }: Region, forms: readonly Buffer[]): boolean => {
  const chunk = Buffer.alloc(Math.min(chunkBytes, size))
  const longest = Math.max(...forms.map((form) => form.length))
  for (let at = 0; at < size; at += chunk.length - longest) {
    const read = quietly(() => readSync(memory, chunk, 0, Math.min(chunk.length, size - at), from + at), 0)
    if (holds(chunk.subarray(0, read), forms)) return true
    if (at + chunk.length >= size) return false
  }
  return false
}

/** The raw bytes of a disk, or of the file that carries one: also what was deleted on it is there. */
export const diskHolds = (path: string, forms: readonly Buffer[]): boolean =>
  fileHolds(Buffer.from(path), forms)

/** Every swap area of the machine, raw; empty when there is none. */
export const swapWith = (forms: readonly Buffer[]): readonly string[] =>
  quietly(() => readFileSync('/proc/swaps'))
    .toString('utf8')
    .split('\n')
    .slice(1)
    .map((line) => line.split(/\s/)[0] ?? '')
    .filter((path) => path !== '' && diskHolds(path, forms))

/** The kernel's own log, which names what it kills. */
export const kernelLogHolds = (forms: readonly Buffer[]): boolean => {
  const { stdout, status } = spawnSync('dmesg', { maxBuffer: 64 * 1024 * 1024 })
  if (status !== 0 || stdout.length === 0) throw new Error('the kernel log cannot be read')
  return holds(stdout, forms)
}

/** Where a nest of this id is still known: mounts of any process, control groups, names below /run. */
export const tracesOfNest = (nest: string): readonly string[] => [
  ...readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => quietly(() => readFileSync(`/proc/${pid}/mountinfo`, 'utf8'), '').includes(nest))
    .map((pid) => `mount seen by process ${pid}`),
  // As above, what vanishes meanwhile is no error to us.
  ...spawnSync('find', ['/sys/fs/cgroup', '/run', '-name', `*${nest}*`], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
    .stdout.split('\n')
    .filter((path) => path !== ''),
]

/** What may be gone, or not ours to see, between listing and reading. */
function quietly(read: () => Buffer): Buffer
function quietly<T>(read: () => T, otherwise: T): T
function quietly<T>(read: () => T, otherwise?: T): T | Buffer {
  try {
    return read()
  } catch {
    return otherwise === undefined ? Buffer.alloc(0) : otherwise
  }
}
