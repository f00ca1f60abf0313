// `.mayfly/link.toml`: which project of which installation a work tree belongs to. Whoever can change a work tree (a branch, a patch, a
// package) can put one there, so it counts only as its person accepted it with `mayfly link`, to the letter (docs/decisions/0083).
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { lstat, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fault } from '../../base/faults.ts'
import { list, object, optional, parseShape, text } from '../../base/shape.ts'
import { readConfig, writeConfig } from '../config-directory.ts'
import type { Link, Surroundings } from '../surroundings.ts'

export const linkName = '.mayfly/link.toml'
const bytesMax = 4096

const linkShape = object({
  url: optional(text({ min: 1, max: 300, form: /^https?:\/\/[\w.:[\]-]+(\/[\w./-]*)?$/ })),
  project: optional(text({ min: 1, max: 64, form: /^[a-z0-9][a-z0-9-]*$/ })),
})

const acceptedFile = 'links.json'
const acceptedMax = 1000
const acceptedShape = list(
  object({ path: text({ max: 4096 }), sha256: text({ max: 64, form: /^[0-9a-f]{64}$/ }) }),
  { max: acceptedMax },
)

/** null: none that counts. */
export const readLink = async (around: Surroundings): Promise<Link | null> => {
  const found = await findLink(around)
  if (found === null) return null
  const accepted = (await readConfig(around, acceptedFile, acceptedShape)) ?? []
  const sha256 = digestOf(found)
  if (accepted.some((each) => each.path === found.path && each.sha256 === sha256)) return parseLink(found)
  around.stderr.write(
    `note: ${linkName} is not read, you have not accepted it as it is: \`mayfly link\` shows it\n`,
  )
  return null
}

/** `bytes` null: no file, or too long for one. */
type Found = { readonly path: string; readonly bytes: Buffer | null }

/** What lies there, whoever wrote it. */
export const findLink = async ({ cwd }: Surroundings): Promise<Found | null> => {
  const root = rootAbove(cwd)
  if (root === null || !existsSync(join(root, linkName))) return null
  const path = join(root, linkName)
  const facts = await lstat(path)
  return { path, bytes: facts.isFile() && facts.size <= bytesMax ? await readFile(path) : null }
}

/** The directory with `.git`, by looking only: most work trees have no link, and need not wait for Git. */
export const rootAbove = (directory: string): string | null => {
  if (existsSync(join(directory, '.git'))) return directory
  const above = dirname(directory)
  return above === directory ? null : rootAbove(above)
}

/** From now on it counts, until a byte of it changes. */
export const acceptLink = async (around: Surroundings, found: Found): Promise<void> => {
  const { path } = found
  const others = ((await readConfig(around, acceptedFile, acceptedShape)) ?? []).filter(
    (each) => each.path !== path && existsSync(each.path),
  )
  await writeConfig(around, acceptedFile, [
    { path, sha256: digestOf(found) ?? '' },
    ...others.slice(0, acceptedMax - 1),
  ])
}

const digestOf = ({ bytes }: Found): string | null =>
  bytes === null ? null : createHash('sha256').update(bytes).digest('hex')

export const parseLink = async ({ path, bytes }: Found): Promise<Link> => {
  if (bytes === null) throw damaged(path, `it is no file, or longer than ${bytesMax} bytes`)
  const { parse } = await import('smol-toml')
  let document: unknown
  try {
    document = parse(bytes.toString('utf8'))
  } catch (error) {
    throw damaged(path, String((error as Error).message).split('\n')[0] ?? 'is no TOML')
  }
  const found = parseShape(linkShape, document)
  if (!found.ok) throw damaged(path, found.problems.map(({ message }) => message).join(', '))
  const { url = null, project = null } = found.value
  return { path, url: url?.replace(/\/+$/, '') ?? null, project }
}

const damaged = (path: string, why: string) =>
  fault('E_CONFIG_INVALID', { public: `${path}: ${why}; \`mayfly link PROJECT\` writes it anew` })
