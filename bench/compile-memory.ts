// A process of its own that compiles the configuration on its stdin once and says by how many bytes that raised the memory
// it took at most: for PF-22.
import { readFileSync } from 'node:fs'
import { type CompileInput, compile } from '../src/compile/index.ts'
import { pushOf } from '../test/support/damaged-configurations.ts'

const inputOf = (text: string): CompileInput => ({
  files: new Map([['.circleci/config.yml', text]]),
  event: pushOf('main'),
  parameters: {},
})

const text = readFileSync(0, 'utf8')
compile(inputOf('version: 2.1\njobs: {}\n'))
const before = process.resourceUsage().maxRSS
compile(inputOf(text))
console.log((process.resourceUsage().maxRSS - before) * 1024)
