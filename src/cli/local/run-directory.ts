// The directory that goes with one `mayfly run`. A process that is killed, or whose terminal closes, leaves its own behind,
// so each carries a mark of its process, and the next run removes those whose process is certainly gone. Whatever is in
// doubt stays, in silence: what somebody else made, a link, no mark or half of one, a mark of another boot or container.
import { constants, existsSync, readFileSync, readlinkSync } from 'node:fs'
import { lstat, mkdtemp, open, opendir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { integer, object, parseShape, text } from '../../base/shape.ts'
import { processBegin } from '../../sys/index.ts'

export type RunDirectory = { readonly path: string; close(): Promise<void> }

const prefix = 'mayfly-run-'
const markName = 'process'
const markBytesMax = 1_000
/** So many are looked at in one run. */
const lookedAtMax = 200

export const openRunDirectory = async (parent = tmpdir()): Promise<RunDirectory> => {
  const path = await mkdtemp(join(parent, prefix))
  const own = findOwnProcess()
  if (own !== null)
    await writeFile(join(path, markName), `${JSON.stringify(own)}\n`, { mode: 0o600 }).catch(() => undefined)
  // Beside the run, which it must not hold up: gigabytes may lie there.
  const swept = own === null ? undefined : sweep(parent, own).catch(() => undefined)
  return {
    path,
    close: async () => {
      await swept
      await rm(path, { recursive: true, force: true })
    },
  }
}

const processMark = object({
  pid: integer({ min: 1, max: 2 ** 31 }),
  /** In ticks since the boot: a number is given to another process later. */
  startedAt: text({ max: 40 }),
  /** The boot, and the namespaces in which number and time mean what they say. */
  kernel: text({ max: 400 }),
})
type ProcessMark = { readonly pid: number; readonly startedAt: string; readonly kernel: string }

/** null where it cannot be told: another system, or a /proc that shows other processes than ours. */
const findOwnProcess = (): ProcessMark | null => {
  const { pid } = process
  try {
    if (readlinkSync('/proc/self') !== String(pid)) return null
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
    // That of time came with Linux 5.6.
    const time = existsSync('/proc/self/ns/time') ? readlinkSync('/proc/self/ns/time') : ''
    const startedAt = processBegin(pid)
    const kernel = [boot, readlinkSync('/proc/self/ns/pid'), time].join(' ')
    return startedAt === null ? null : { pid, startedAt, kernel }
  } catch {
    return null
  }
}

const isGone = (mark: ProcessMark, own: ProcessMark): boolean => {
  if (mark.kernel !== own.kernel) return false
  try {
    process.kill(mark.pid, 0)
  } catch (error) {
    // Any other answer comes from a process that is there.
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
  const startedAt = processBegin(mark.pid)
  return startedAt !== null && startedAt !== mark.startedAt
}

const sweep = async (parent: string, own: ProcessMark): Promise<void> => {
  if (!(await isOursToSweep(parent))) return
  let lookedAt = 0
  for await (const { name } of await opendir(parent)) {
    if (!name.startsWith(prefix)) continue
    if (++lookedAt > lookedAtMax) return
    const path = join(parent, name)
    const mark = await readMark(path).catch(() => null)
    if (mark !== null && isGone(mark, own))
      await rm(path, { recursive: true, force: true }).catch(() => undefined)
  }
}

/** Nobody but us, root and the owner of an entry can put something else in the place of that entry while we remove it. */
const isOursToSweep = async (parent: string): Promise<boolean> => {
  const { uid, mode } = await stat(parent)
  const isSticky = (mode & 0o1000) !== 0
  return (uid === 0 || uid === process.getuid?.()) && (isSticky || (mode & 0o022) === 0)
}

const readMark = async (path: string): Promise<ProcessMark | null> => {
  const about = await lstat(path)
  const isOwn = about.isDirectory() && about.uid === process.getuid?.() && (about.mode & 0o022) === 0
  if (!isOwn) return null
  const file = await open(
    join(path, markName),
    constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
  )
  try {
    const inside = await file.stat()
    if (!inside.isFile() || inside.uid !== about.uid || inside.size > markBytesMax) return null
    const content = await file.readFile('utf8')
    // The line end comes last: without it the mark was being written.
    const parsed = content.endsWith('\n') ? parseShape(processMark, JSON.parse(content)) : null
    return parsed?.ok === true ? parsed.value : null
  } finally {
    await file.close()
  }
}
