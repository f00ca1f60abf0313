// The logs under the vault: lines are durable, torn lines harmless, expired entries leave, and a failed write is undone.
import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { run } from '../../sys/index.ts'
import { usedKeepSeconds, usedLinesMax } from '../limits.ts'
import { openAppendLog } from './append-log.ts'
import { openUsedLog } from './used.ts'

const root = await mkdtemp(join(tmpdir(), 'mayfly-store-'))
after(() => rm(root, { recursive: true, force: true }))
const hasPrlimit = await run('prlimit', ['--version'], { timeoutMs: 5_000 }).then(
  ({ code }) => code === 0,
  () => false,
)

test('every line is in the file when its append resolves, in order, however many come at once', async () => {
  const path = join(root, 'many.log')
  const log = await openAppendLog(path)
  const lines = Array.from({ length: 500 }, (_, i) => `line ${i}`)
  await Promise.all(
    lines.map(async (line) => {
      await log.append(line)
      assert.ok((await readFile(path, 'utf8')).includes(`${line}\n`))
    }),
  )
  assert.equal(await readFile(path, 'utf8'), `${lines.join('\n')}\n`)
  await log.close()
  await log.close()
  await assert.rejects(log.append('late'), { code: 'E_VAULT_UNAVAILABLE' })
})

test('a line that a crash tore does not swallow the next one', async () => {
  const path = join(root, 'torn.log')
  await writeFile(path, 'whole\nto')
  const log = await openAppendLog(path)
  await log.append('next')
  await log.close()
  assert.equal(await readFile(path, 'utf8'), 'whole\nto\nnext\n')
})

test('a failed write leaves nothing behind, and the next line that fits is accepted', {
  skip: hasPrlimit ? false : 'prlimit is not installed',
}, async () => {
  const script = `
      const { openAppendLog } = await import(${JSON.stringify(new URL('./append-log.ts', import.meta.url).href)})
      const log = await openAppendLog(${JSON.stringify(join(root, 'limited.log'))})
      const results = []
      for (const line of ['fits', 'x'.repeat(200), 'small'])
        results.push(await log.append(line).then(() => 'ok', (error) => error.code))
      process.stdout.write(results.join(' '))`
  const args = ['--fsize=100', process.execPath, '--input-type=module', '-e', script]
  const { stdout, stderr } = await run('prlimit', args, { timeoutMs: 20_000 })
  assert.equal(stdout.toString(), 'ok E_VAULT_UNAVAILABLE ok', stderr.toString())
  assert.equal(await readFile(join(root, 'limited.log'), 'utf8'), 'fits\nsmall\n')
})

const entry = (i: number, exp: number) => ({
  jti: `tkt_${i.toString(16).padStart(26, '0')}`,
  eph: i.toString(16).padStart(43, 'A'),
  exp,
})

test('used entries survive a restart until they are long expired, and the file does not grow for ever', async () => {
  let nowMs = 0
  const clock = { now: () => nowMs, monotonicMs: () => 0 }
  const used = await openUsedLog({ dataDir: root, clock })
  for (let from = 0; from < usedLinesMax - 1; from += 5_000) {
    const batch = Array.from({ length: Math.min(5_000, usedLinesMax - 1 - from) }, (_, i) => from + i)
    await Promise.all(batch.map((i) => used.burn(entry(i, 100))))
  }
  const path = join(root, 'used.log')
  assert.equal((await readFile(path, 'utf8')).split('\n').length, usedLinesMax)
  nowMs = 1000 * (100 + usedKeepSeconds + 1)
  await used.burn(entry(usedLinesMax, nowMs / 1000 + 100))
  assert.equal((await readFile(path, 'utf8')).split('\n').length, 2, 'rewritten with what is left')
  assert.throws(() => used.burn(entry(usedLinesMax, 1)), { code: 'E_USED' })
  assert.throws(() => used.burn({ ...entry(1, 1), eph: entry(usedLinesMax, 1).eph }), { code: 'E_USED' })
  await used.close()
  await appendFile(path, 'torn')
  const again = await openUsedLog({ dataDir: root, clock })
  assert.equal(again.isUsed(entry(usedLinesMax, 1).jti), true)
  assert.equal(again.isUsed(entry(0, 1).jti), false)
  await again.close()
})
