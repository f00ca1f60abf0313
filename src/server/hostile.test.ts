// What the server parses of others outside the runner protocol, against damaged copies of genuine input.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { damageBytes, damageJson, judgeParser } from '../../test/support/hostile.ts'
import { utf8 } from '../base/bytes.ts'
import { isFault } from '../base/faults.ts'
import { formatId } from '../base/ids.ts'
import { parseDeliveryBody } from './intake/delivery-body.ts'
import { parseTopic } from './live/topic.ts'
import { parseSshAddress } from './projects/source-address.ts'
import { parseRunNotice } from './runs/run-notice.ts'

const sentAt = '2026-01-01T00:00:00Z'
const fromHook = { old: '0'.repeat(40), new: 'c'.repeat(40), ref: 'refs/heads/main', sentAt, skip: true }
const fromTool = { commit: 'c'.repeat(40), ref: 'main', sentAt, message: 'Say hello' }
const text = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))

const asText = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

test('deliveries of hooks and of tools: signed, and still whatever a pusher makes of them', () => {
  for (const genuine of [fromHook, fromTool]) {
    assert.ok(parseDeliveryBody(utf8(JSON.stringify(genuine))).ok)
    judgeParser(parseDeliveryBody, (random) => utf8(text(damageJson(random, genuine))), { count: 1_000 })
    judgeParser(parseDeliveryBody, (random) => damageBytes(random, utf8(JSON.stringify(genuine))), {
      count: 1_000,
    })
  }
})

test('addresses of repositories', () => {
  const genuine = 'ssh://git@example.org:2222/team/web.git'
  const parse = (url: string): object | null => {
    try {
      return parseSshAddress(url)
    } catch (error) {
      // What is refused is refused in words.
      if (isFault(error)) return null
      throw error
    }
  }
  assert.ok(parse(genuine))
  judgeParser(parse, (random) => asText(damageBytes(random, utf8(genuine))), { count: 2_000 })
})

test('topics and notices', () => {
  const run = formatId('run', new Uint8Array(16))
  const project = formatId('project', new Uint8Array(16))
  const notice = `${formatId('organisation', new Uint8Array(16))} ${project} ${run} 7`
  assert.ok(parseTopic(`run:${run}`) && parseRunNotice(notice))
  judgeParser(parseTopic, (random) => asText(damageBytes(random, utf8(`run:${run}`))), { count: 1_000 })
  judgeParser(parseRunNotice, (random) => asText(damageBytes(random, utf8(notice))), { count: 1_000 })
})
