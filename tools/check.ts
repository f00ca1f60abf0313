// `npm run check`: everything that can be said without running the product, under a minute, all findings at once.
import { spawn } from 'node:child_process'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const tool = (path: string) => join(root, 'node_modules', path)
const node = process.execPath

const checks: readonly (readonly [name: string, args: readonly string[]])[] = [
  ['format and lint', [tool('@biomejs/biome/bin/biome'), 'ci', '.']],
  ['types', [tool('typescript7/bin/tsc'), '-p', 'tsconfig.json', '--noEmit']],
  [
    'types of the web',
    [
      tool('svelte-check/bin/svelte-check'),
      '--tsconfig',
      'tsconfig.web.json',
      '--fail-on-warnings',
      '--output',
      'human',
    ],
  ],
  [
    'boundaries',
    [tool('dependency-cruiser/bin/dependency-cruise.mjs'), '--config', '.dependency-cruiser.mjs', 'src'],
  ],
  ['dead code', [tool('knip/bin/knip.js'), '--no-progress']],
]

type Finding = {
  readonly name: string
  readonly ok: boolean
  readonly seconds: number
  readonly text: string
}

const runCheck = ([name, args]: (typeof checks)[number]): Promise<Finding> =>
  new Promise((resolve) => {
    const begin = performance.now()
    const child = spawn(node, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    const chunks: Buffer[] = []
    child.stdout.on('data', (chunk) => chunks.push(chunk))
    child.stderr.on('data', (chunk) => chunks.push(chunk))
    child.on('close', (code) =>
      resolve({
        name,
        ok: code === 0,
        seconds: (performance.now() - begin) / 1000,
        text: Buffer.concat(chunks).toString(),
      }),
    )
  })

const findings = await Promise.all(checks.map(runCheck))
for (const { name, ok, seconds, text } of findings) {
  console.log(`${ok ? '✓' : '✗'} ${name} (${seconds.toFixed(1)} s)`)
  if (!ok) console.log(text.trimEnd())
}
process.exitCode = findings.every((finding) => finding.ok) ? 0 : 1
