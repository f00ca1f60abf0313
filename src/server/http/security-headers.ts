// The headers of every answer (trust-model.md §9), written out so that they can be compared with the document letter by
// letter. No inline script, no third-party origin, nobody may frame us.

export const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "font-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types mayfly svelte-trusted-html',
].join('; ')

/** Only names that browsers know: others make them complain on every page. */
const sensors = [
  'accelerometer',
  'camera',
  'display-capture',
  'geolocation',
  'gyroscope',
  'magnetometer',
  'microphone',
  'midi',
  'payment',
  'usb',
]

const twoYears = 'max-age=63072000'

export const securityHeaders = (secure: boolean): Readonly<Record<string, string>> => ({
  'content-security-policy': contentSecurityPolicy,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  // A log may hold links: no host of theirs is asked for before somebody goes there.
  'x-dns-prefetch-control': 'off',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': sensors.map((name) => `${name}=()`).join(', '),
  ...(secure ? { 'strict-transport-security': twoYears } : {}),
})
