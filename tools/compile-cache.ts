// Preloaded into each process of the test runner: a file whose types were taken out once, and what V8 made of it, is not done
// again by the next of some hundred processes. Not by NODE_COMPILE_CACHE, which programs under test would inherit.
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

enableCompileCache(join(import.meta.dirname, '../tmp/compile-cache'))
