// Cron expressions and the times they are due, above all around the hours that clocks skip and repeat.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCron } from './cron.ts'
import { cronTimes, isTimeZone } from './cron-times.ts'

const times = (text: string, zone: string, after: string, count = 3) => {
  const cron = parseCron(text)
  assert.ok(cron, text)
  return cronTimes(cron, zone, { after: Date.parse(after), count }).map((at) =>
    new Date(at).toISOString().slice(0, 16),
  )
}

test('five fields with lists, ranges, steps and names', () => {
  assert.deepEqual(times('0 6 * * 1-5', 'UTC', '2026-11-20T06:00Z'), [
    '2026-11-23T06:00',
    '2026-11-24T06:00',
    '2026-11-25T06:00',
  ])
  assert.deepEqual(times('*/20 0 1 JAN *', 'UTC', '2026-01-01T00:00Z'), [
    '2026-01-01T00:20',
    '2026-01-01T00:40',
    '2027-01-01T00:00',
  ])
  assert.deepEqual(times('5/30 12 * * sun', 'UTC', '2026-11-21T00:00Z', 2), [
    '2026-11-22T12:05',
    '2026-11-22T12:35',
  ])
  assert.deepEqual(times('0 0 29 2 *', 'UTC', '2096-03-01T00:00Z', 1), ['2104-02-29T00:00'], '2100 has none')
  for (const text of [
    '',
    '* * * *',
    '60 * * * *',
    '* 24 * * *',
    '* * 0 * *',
    '* * * 13 *',
    '* * * * 8',
    '5-1 * * * *',
    '*/0 * * * *',
    '@daily',
    'a * * * *',
    '* * * * * *',
  ])
    assert.equal(parseCron(text), null, text)
  assert.deepEqual(times('0 0 31 2 *', 'UTC', '2026-01-01T00:00Z'), [], 'no such day')
})

test('two fields of days: either fits, one alone decides', () => {
  assert.deepEqual(times('0 0 13 * 5', 'UTC', '2026-11-09T00:00Z'), [
    '2026-11-13T00:00',
    '2026-11-20T00:00',
    '2026-11-27T00:00',
  ])
  assert.deepEqual(times('0 0 1 * 5', 'UTC', '2026-11-28T00:00Z', 2), [
    '2026-12-01T00:00',
    '2026-12-04T00:00',
  ])
  assert.deepEqual(times('0 0 * * 7', 'UTC', '2026-11-21T00:00Z', 1), ['2026-11-22T00:00'])
})

test('a named hour that clocks skip is due once, right after it', () => {
  // Vienna, 29 March 2026: 02:00 becomes 03:00 at 01:00 UTC.
  assert.deepEqual(times('30 2 * * *', 'Europe/Vienna', '2026-03-28T00:00Z'), [
    '2026-03-28T01:30',
    '2026-03-29T01:00',
    '2026-03-30T00:30',
  ])
  assert.deepEqual(times('0,30 2 * * *', 'Europe/Vienna', '2026-03-28T20:00Z', 2), [
    '2026-03-29T01:00',
    '2026-03-30T00:00',
  ])
  assert.deepEqual(times('0 2,3 * * *', 'Europe/Vienna', '2026-03-28T20:00Z', 2), [
    '2026-03-29T01:00',
    '2026-03-30T00:00',
  ])
})

test('the last hour of a day is skipped where clocks change at 23:00: due with the next day, once', () => {
  // Nuuk, Saturday 27 March 2027: 23:00 becomes 00:00 of Sunday at 01:00 UTC.
  assert.deepEqual(times('30 23 * * *', 'America/Nuuk', '2027-03-27T12:00Z', 2), [
    '2027-03-28T01:00',
    '2027-03-29T00:30',
  ])
  assert.deepEqual(times('30 23 * * sat', 'America/Nuuk', '2027-03-27T12:00Z', 2), [
    '2027-03-28T01:00',
    '2027-04-04T00:30',
  ])
  assert.deepEqual(times('0 0,23 * * *', 'America/Nuuk', '2027-03-27T12:00Z', 2), [
    '2027-03-28T01:00',
    '2027-03-29T00:00',
  ])
})

test('a named hour that clocks repeat is due once, the first time', () => {
  // Vienna, 25 October 2026: 03:00 becomes 02:00 at 01:00 UTC.
  assert.deepEqual(times('30 2 * * *', 'Europe/Vienna', '2026-10-24T00:00Z'), [
    '2026-10-24T00:30',
    '2026-10-25T00:30',
    '2026-10-26T01:30',
  ])
  assert.deepEqual(times('30 1 * * *', 'America/New_York', '2026-11-01T00:00Z', 2), [
    '2026-11-01T05:30',
    '2026-11-02T06:30',
  ])
})

test('what goes by every hour goes on by elapsed time', () => {
  assert.deepEqual(times('30 * * * *', 'Europe/Vienna', '2026-10-24T23:00Z', 4), [
    '2026-10-24T23:30',
    '2026-10-25T00:30',
    '2026-10-25T01:30',
    '2026-10-25T02:30',
  ])
  assert.deepEqual(times('0 * * * *', 'Europe/Vienna', '2026-03-29T00:30Z', 2), [
    '2026-03-29T01:00',
    '2026-03-29T02:00',
  ])
})

test('zones with odd offsets, odd changes and lost days', () => {
  assert.deepEqual(times('0 9 * * *', 'Asia/Kathmandu', '2026-06-01T00:00Z', 1), ['2026-06-01T03:15'])
  assert.deepEqual(
    times('15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T00:00Z', 1),
    ['2026-10-03T15:30'],
    'half an hour is skipped',
  )
  assert.deepEqual(
    times('0 0 * * *', 'America/Santiago', '2026-09-05T05:00Z', 1),
    ['2026-09-06T04:00'],
    'midnight is skipped',
  )
  assert.deepEqual(
    times('0 12 30 12 *', 'Pacific/Apia', '2011-12-01T00:00Z', 1),
    ['2012-12-29T22:00'],
    'a day that never was',
  )
  assert.deepEqual(times('0 12 * * *', 'Pacific/Kiritimati', '2026-01-01T00:00Z', 1), ['2026-01-01T22:00'])
})

test('zones are names that the platform knows, and nothing else', () => {
  for (const name of ['UTC', 'Europe/Vienna', 'America/Argentina/Buenos_Aires'])
    assert.ok(isTimeZone(name), name)
  for (const name of ['', 'Europe/Nowhere', '+02:00', '../x', 'x'.repeat(65), 'UTC\n'])
    assert.ok(!isTimeZone(name), name)
})
