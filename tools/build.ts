// Builds what a release holds: one bundle per program under build/, the web under build/web, the migrations beside
// them, and deps/<program>.txt: the third-party packages and zones inside each bundle, reviewed like code.
import { existsSync } from 'node:fs'
import { cp, mkdir, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { build, type Metafile } from 'esbuild'

const root = join(import.meta.dirname, '..')
/** Built beside and swapped in whole: what runs from an older build never misses a file, two builds never mix. */
const finished = join(root, 'build')
const out = join(root, `build.${process.pid}`)

/** Each program is one file in src/main/; the CLI is split so that a command loads only what it needs. */
const programs = [
  'cli',
  'server',
  'vault',
  'jailer',
  'runner',
  'supervisor',
  'compile',
  'log-search',
  'binder',
] as const

const bundle = async (program: (typeof programs)[number]): Promise<Metafile> => {
  const result = await build({
    entryPoints: { [program]: join(root, `src/main/${program}.ts`) },
    outdir: out,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    splitting: program === 'cli',
    chunkNames: `${program}-[hash]`,
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'linked',
    minifySyntax: true,
    minifyWhitespace: true,
    metafile: true,
    write: false,
    logLevel: 'warning',
    loader: { '.sh': 'text' },
    // CommonJS packages inside an ES module still call require().
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  })
  for (const { path, contents } of result.outputFiles) {
    if (path.endsWith('.js') && program !== 'cli')
      refuseWideText(path, Buffer.from(contents).toString('utf8'))
    await writeFile(path, contents)
  }
  return result.metafile
}

/**
 * V8 keeps a program as it was read: with one character above U+00FF all of it takes twice the memory, for as long as it runs.
 * A verb of the command line does not run for long.
 */
const refuseWideText = (path: string, text: string): void => {
  const at = text.search(/[\u0100-\uffff]/)
  if (at < 0) return
  const around = text.slice(Math.max(0, at - 60), at + 20)
  throw new Error(
    `${path} has a character above U+00FF, write it as \\u in the source (a regular expression?): ${around}`,
  )
}

const dependencyList = (metafile: Metafile): string => {
  const inputs = Object.keys(metafile.inputs).map((path) => relative(root, join(root, path)))
  const packages = inputs.flatMap(
    (path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/.exec(path)?.[1] ?? [],
  )
  const zones = inputs.flatMap((path) => /^src\/([^/]+)\//.exec(path)?.[1] ?? [])
  const list = (title: string, names: readonly string[]) => [
    title,
    ...[...new Set(names)].sort().map((name) => `  ${name}`),
  ]
  return [...list('zones', zones), ...list('packages', packages), ''].join('\n')
}

const buildWeb = async (): Promise<void> => {
  const { build: viteBuild } = await import('vite')
  await viteBuild({
    configFile: join(root, 'vite.config.ts'),
    logLevel: 'warn',
    build: { outDir: join(out, 'web'), emptyOutDir: true },
  })
}

const started = new Date()
await rm(out, { recursive: true, force: true })
await mkdir(out, { recursive: true })
await mkdir(join(root, 'deps'), { recursive: true })
await Promise.all(
  programs.map(async (program) =>
    writeFile(join(root, 'deps', `${program}.txt`), dependencyList(await bundle(program))),
  ),
)
await buildWeb()
await cp(join(root, 'migrations'), join(out, 'migrations'), { recursive: true })
// The stamp carries the time the build began: a source saved during it is newer and builds again.
await writeFile(join(out, 'stamp'), '')
await utimes(join(out, 'stamp'), started, started)
const old = `${out}.old`
if (existsSync(finished)) await rename(finished, old)
await rename(out, finished)
await rm(old, { recursive: true, force: true })
