// Archives as hostile input: made by hand here, judged by the code that judges those of jobs.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { zstdCompressSync } from 'node:zlib'
import { isFault } from '../../base/faults.ts'
import { archiveLimits } from '../limits.ts'
import { packArchive, unpackArchive } from './archive.ts'
import { readTar } from './tar-read.ts'
import { createTarRules } from './tar-rules.ts'
import { writeTar } from './tar-write.ts'

const root = mkdtempSync(join(tmpdir(), 'mayfly-tar-'))
after(() => rmSync(root, { recursive: true, force: true }))

const pieces = async function* (bytes: Uint8Array, size = 1000) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
const gather = async (stream: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

type Header = { name: string; type?: string; size?: number; target?: string; prefix?: string }
const header = ({ name, type = '0', size = 0, target = '', prefix = '' }: Header): Buffer => {
  const block = Buffer.alloc(512)
  block.write(name, 0, 'latin1')
  block.write('0000644\0', 100)
  block.write('0000000\0', 108)
  block.write('0000000\0', 116)
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
  block.write('00000000000\0', 136)
  block.write('        ', 148)
  block.write(type, 156)
  block.write(target, 157, 'latin1')
  block.write('ustar\u000000', 257)
  block.write(prefix, 345, 'latin1')
  block.write(
    `${block
      .reduce((total, byte) => total + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  )
  return block
}
const end = Buffer.alloc(1024)
const pax = (text: string, type = 'x') => {
  const body = Buffer.alloc(Math.ceil(text.length / 512) * 512)
  body.write(text, 'latin1')
  return Buffer.concat([header({ name: 'pax', type, size: text.length }), body])
}

const refusedWith = (tar: Buffer, reason: RegExp, limits = archiveLimits) =>
  assert.rejects(
    gather(packArchive(pieces(tar), undefined, limits)),
    (error) => isFault(error, 'E_ARCHIVE') && reason.test(error.public),
  )

test('what no archive may hold is refused with its reason', async () => {
  const cases: readonly (readonly [RegExp, readonly Buffer[]])[] = [
    [/"\.\.\/up" leads out/, [header({ name: '../up' }), end]],
    [/"a\/\.\.\/\.\.\/up" leads out/, [header({ name: 'a/../../up' }), end]],
    [/"\/etc\/passwd" is absolute/, [header({ name: '/etc/passwd' }), end]],
    [/"\/etc\/passwd" is absolute/, [header({ name: 'passwd', prefix: '/etc' }), end]],
    [/leads out/, [pax('16 path=../outs\n'), header({ name: 'in' }), end]],
    [/leads out/, [pax('../outside', 'L'), header({ name: 'in' }), end]],
    [/is a device/, [header({ name: 'dev', type: '3' }), end]],
    [/is a device/, [header({ name: 'dev', type: '4' }), end]],
    [/is a hard link/, [header({ name: 'hard', type: '1', target: 'x' }), end]],
    [/unknown type "S"/, [header({ name: 'sparse', type: 'S' }), end]],
    [/sparse/, [pax('22 GNU.sparse.major=1\n'), header({ name: 'in' }), end]],
    [
      /goes through the link "out"/,
      [header({ name: 'out', type: '2', target: '/etc' }), header({ name: 'out/passwd' }), end],
    ],
    [
      /there twice/,
      [header({ name: 'out', type: '2', target: '/etc' }), header({ name: 'out', type: '5' }), end],
    ],
    [/there twice/, [header({ name: 'out', type: '2', target: '/etc' }), header({ name: './out' }), end]],
    [/without a name/, [header({ name: '', type: '0' }), end]],
    [/without a name/, [header({ name: './', size: 512 }), header({ name: '../up' }), end]],
    [/without a name/, [header({ name: '.', type: '2', target: '/etc' }), end]],
    [/part of more than 255/, [pax(`268 path=${'a'.repeat(258)}\n`), header({ name: 'in' }), end]],
    [/deeper than 256/, [pax(`613 path=${'a/'.repeat(301)}b\n`), header({ name: 'in' }), end]],
    [/cannot be read/, [pax('99 path=x\n'), header({ name: 'in' }), end]],
    [/bytes of extended header/, [header({ name: 'pax', type: 'x', size: 70_000 }), end]],
    [/cut off/, [header({ name: 'in', size: 4096 }), end]],
    [/cut off/, [header({ name: 'in' })]],
    [/has bytes and is no file/, [header({ name: 'd', type: '5', size: 5 }), Buffer.alloc(512), end]],
    [/checksum/, [Buffer.from('this is no tar'.padEnd(512)), end]],
  ]
  for (const [reason, blocks] of cases) await refusedWith(Buffer.concat(blocks), reason)
})

test('amounts are bounded: entries, bytes, names', async () => {
  const million = async function* () {
    const thousand = Buffer.concat(Array.from({ length: 1000 }, () => header({ name: 'same' })))
    for (let at = 0; at < 1000; at++) yield thousand
    yield end
  }
  await assert.rejects(async () => {
    const rules = createTarRules({ ...archiveLimits, entriesMax: 20_000 })
    for await (const item of readTar(million(), rules)) assert.ok('entry' in item)
  }, /more than 20000 entries/)
  assert.ok(archiveLimits.entriesMax < 1_000_000)
  await refusedWith(Buffer.concat([header({ name: 'big', size: 0o77777777 }), end]), /more than 1000 bytes/, {
    ...archiveLimits,
    bytesMax: 1000,
  })
  await refusedWith(
    Buffer.concat([header({ name: 'abc' }), header({ name: 'def' }), end]),
    /bytes of names/,
    {
      ...archiveLimits,
      nameBytesMax: 5,
    },
  )
})

test('a bomb is refused while it is unpacked, and not packed either', async () => {
  const size = 96 * 1024 * 1024
  const bomb = async function* () {
    yield header({ name: 'zeros', size })
    const zeros = Buffer.alloc(1024 * 1024)
    for (let sent = 0; sent < size; sent += zeros.length) yield zeros
    yield end
  }
  await assert.rejects(gather(packArchive(bomb())), /more than 200 to 1/)
  const packed = zstdCompressSync(await gather(bomb()))
  assert.ok(packed.length < 64 * 1024)
  await assert.rejects(gather(unpackArchive(pieces(packed))), /more than 200 to 1/)
})

test('a real tree goes through unchanged, long names and links included', async () => {
  const [from, to] = [join(root, 'from'), join(root, 'to')]
  const deep = join(from, 'a'.repeat(120), 'b'.repeat(120))
  mkdirSync(deep, { recursive: true })
  mkdirSync(to)
  writeFileSync(join(deep, 'ünï\n cödé'), 'text', { mode: 0o755 })
  writeFileSync(join(from, 'big'), Buffer.alloc(300_001, 'mayfly '))
  symlinkSync('../x'.repeat(40), join(from, 'far'))
  symlinkSync('/usr/bin/python3', join(from, 'python'))
  const tar = execFileSync('tar', ['--format=pax', '-c', '-f', '-', '-C', from, '.'])
  const names: string[] = []
  const packed = await gather(packArchive(pieces(tar), ({ path }) => names.push(path)))
  assert.equal(names.length, 7)
  const out = await gather(unpackArchive(pieces(packed)))
  execFileSync('tar', ['-x', '-p', '-f', '-', '-C', to], { input: out })
  const inside = join(to, 'a'.repeat(120), 'b'.repeat(120), 'ünï\n cödé')
  assert.equal(readFileSync(inside, 'utf8'), 'text')
  assert.equal(statSync(inside).mode & 0o777, 0o755)
  assert.deepEqual(readFileSync(join(to, 'big')), readFileSync(join(from, 'big')))
  assert.equal(readlinkSync(join(to, 'far')), '../x'.repeat(40))
  assert.equal(readlinkSync(join(to, 'python')), '/usr/bin/python3')
})

test('sizes beyond eight gibibytes are written so that they are read again', async () => {
  const size = 9 * 1024 ** 3
  const entry = { kind: 'file', path: 'huge', size, mode: 0o644, mtime: 0, target: '' } as const
  const head = await gather(
    writeTar(
      (async function* () {
        yield { entry }
      })(),
    ),
  )
  const seen: number[] = []
  await assert.rejects(gather(packArchive(pieces(head), ({ size: told }) => seen.push(told))), /cut off/)
  assert.deepEqual(seen, [size])
})
