// How src/web becomes build/web. The page runs under `default-src 'none'` with Trusted Types (trust-model.md §9), so
// nothing may be inlined: no data: assets, no polyfill script, one style sheet, workers as files.
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig, type Plugin } from 'vite'

/** The theme is chosen by script: without this the first frame of a page would be drawn in the other one. */
const renderBlockingEntry = (): Plugin => ({
  name: 'mayfly-render-blocking-entry',
  transformIndexHtml: {
    order: 'post',
    handler: (html) => html.replace('<script type="module"', '<script type="module" blocking="render"'),
  },
})

export default defineConfig({
  root: 'src/web',
  publicDir: false,
  plugins: [svelte({ compilerOptions: { runes: true } }), renderBlockingEntry()],
  build: {
    outDir: '../../build/web',
    emptyOutDir: true,
    manifest: true,
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    target: 'es2023',
    // What a first view may weigh is tested, compressed (test/web/budgets.e2e.test.ts).
    chunkSizeWarningLimit: 1_000,
    // Who starts an installation has no use for them.
    rolldownOptions: { checks: { bundlerTimings: false } },
  },
  worker: { format: 'es' },
})
