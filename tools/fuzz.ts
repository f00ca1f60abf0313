// `node tools/fuzz.ts [count] [first seed]`: compiles damaged configurations, 10,000 without a count. It says the slowest,
// and ends with the first seed that crashes the compiler, takes longer than 5 s, or changes a prototype.
import {
  compileDamaged,
  corpusNames,
  corpusText,
  goldenTexts,
} from '../test/support/damaged-configurations.ts'

const [count = 10_000, first = 1] = process.argv.slice(2).map(Number)
const step = 1_000
if (corpusNames.length === 0) console.log('the corpus of real files is absent: only golden cases are damaged')
const texts = [...goldenTexts(), ...corpusNames.map(corpusText)]
const began = performance.now()
let slowestMs = 0
for (let from = first; from < first + count; from += step) {
  slowestMs = Math.max(slowestMs, compileDamaged(texts, [from, Math.min(from + step, first + count) - 1]))
  console.log(`${Math.min(from + step - first, count)} of ${count}, the slowest ${slowestMs.toFixed(0)} ms`)
}
console.log(`no crash, no hang, no trace; ${((performance.now() - began) / 1000).toFixed(0)} s`)
