// A minimal Debian root in a directory, made by debootstrap from the mirror that this machine uses. Needs root.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const makeDebianRoot = (root: string, packages: readonly string[]): void => {
  execFileSync(
    '/usr/sbin/debootstrap',
    ['--variant=minbase', `--include=${packages.join(',')}`, 'bookworm', root, mirror()],
    { stdio: ['ignore', 'ignore', 'inherit'], timeout: 600_000 },
  )
}

const mirror = (): string => {
  const directory = '/etc/apt/sources.list.d'
  const files = [
    ...(existsSync(directory) ? readdirSync(directory).map((name) => join(directory, name)) : []),
    '/etc/apt/sources.list',
  ]
  const text = files
    .filter((path) => /\.(list|sources)$/.test(path) && existsSync(path))
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n')
  const found = /^(?:URIs: |deb (?:\[[^\]]*\] )?)(\S+)/m.exec(text)?.[1]
  assert.ok(found, 'this machine names no Debian mirror')
  return found
}
