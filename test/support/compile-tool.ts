// The compile program as a runner has it in its sandboxes: bundled, beside a Node of its own.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { build } from 'esbuild'

/** Into `directory`, which is made. */
export const buildCompileTool = async (directory: string): Promise<void> => {
  execFileSync('mkdir', ['-p', directory])
  execFileSync('cp', [process.execPath, join(directory, 'node')])
  // As tools/build.ts: packages inside that are CommonJS ask for built-in modules.
  const js = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"
  const entryPoints = { compile: join(import.meta.dirname, '../../src/main/compile.ts') }
  await build({
    ...{ entryPoints, outdir: directory, bundle: true, platform: 'node', format: 'esm', target: 'node24' },
    ...{ logLevel: 'error', banner: { js } },
  })
}
