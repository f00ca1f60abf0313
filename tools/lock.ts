// Completes package-lock.json after `npm install --ignore-scripts`: a registry mirror that lacks the binaries of
// platforms Mayfly does not run on leaves them out of the lock, and `npm ci` then refuses it everywhere. They are
// added by name and version, for foreign platforms only, so they are never fetched here and need no checksum.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

type Entry = {
  readonly version?: string
  readonly dev?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
}
const path = join(import.meta.dirname, '../package-lock.json')
const lock = JSON.parse(await readFile(path, 'utf8')) as { packages: Record<string, Entry> }

const first = (name: string, words: readonly string[]): string | undefined =>
  words.find((word) => name.includes(word))

/** The platform a binary package names; undefined when it is one we run on, whose absence is a real fault. */
const foreignPlatform = (name: string) => {
  const os = first(name, ['android', 'darwin', 'win32', 'freebsd', 'openharmony']) ?? 'linux'
  const cpu = first(name, ['arm64', 'x64', 'ppc64', 'riscv64', 's390x', 'ia32']) ?? 'arm'
  const libc = name.includes('musl') ? 'musl' : 'glibc'
  if (os === 'linux' && libc === 'glibc' && (cpu === 'x64' || cpu === 'arm64')) return undefined
  return { cpu: [cpu], ...(os === 'linux' ? { libc: [libc] } : {}), os: [os] }
}

for (const [from, entry] of Object.entries(lock.packages))
  for (const [name, version] of from === '' ? [] : Object.entries(entry.optionalDependencies ?? {})) {
    const platform = foreignPlatform(name)
    if (lock.packages[`node_modules/${name}`] !== undefined) continue
    if (platform === undefined)
      throw new Error(`${name} is for this platform and missing: run npm install again`)
    lock.packages[`node_modules/${name}`] = {
      version,
      ...(entry.dev ? { dev: true } : {}),
      optional: true,
      ...platform,
    } as Entry
  }

const sorted = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)))
await writeFile(path, `${JSON.stringify({ ...lock, packages: sorted }, null, 2)}\n`)
