import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isFault } from '../base/faults.ts'
import { requireNamedFiles } from './named-files.ts'
import { parseSettings } from './settings.ts'

test('a file that the settings name has to be one, and readable by who reads it', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-named-'))
  t.after(() => rm(directory, { recursive: true }))
  await chmod(directory, 0o755)
  const bundle = join(directory, 'ca.pem')
  await writeFile(bundle, 'x', { mode: 0o644 })
  const isRoot = process.getuid?.() === 0
  const owner = isRoot ? { uid: 65_534, gid: 65_534 } : null
  const look = (text: string) =>
    requireNamedFiles(parseSettings(text, 'mayfly.yml'), { layout: { settings: 'mayfly.yml' }, owner })
  const refused = (text: string, key: string) =>
    assert.rejects(
      look(text),
      (error) => isFault(error, 'E_CONFIG_INVALID') && error.public.startsWith(`mayfly.yml: ${key}: /`),
      text,
    )
  const ca = `trust: {ca: ${bundle}}`
  await look(ca)
  await refused(`trust: {ca: ${bundle}.old}`, 'trust.ca')
  await refused(`trust: {ca: ${directory}}`, 'trust.ca')
  const headers = join(directory, 'headers')
  const traces = `${ca}\ntraces: {endpoint: "http://127.0.0.1:4318", headersFile: ${headers}}`
  await refused(traces, 'traces.headersFile')
  await writeFile(headers, 'a: b', { mode: 0o600 })
  if (isRoot) await refused(traces, 'traces.headersFile')
  await chmod(headers, 0o644)
  await look(traces)
  await writeFile(headers, 'a: b\n\nno header\n')
  await assert.rejects(
    look(traces),
    (error) => isFault(error, 'E_CONFIG_INVALID') && error.public.includes(`${headers}:3 is no header`),
  )
})
