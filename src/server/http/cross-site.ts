// Requests that another site makes a browser send (CSRF): every unsafe request that could come from a browser must say
// that it comes from exactly our origin. Bearer tokens are exempt: no site can make a browser add one.
import type { IncomingHttpHeaders } from 'node:http'
import { fault } from '../../base/faults.ts'
import type { Site } from '../access/site.ts'

const safeMethods = ['GET', 'HEAD', 'OPTIONS']

export const refuseCrossSite = (method: string, headers: IncomingHttpHeaders, site: Site): void => {
  if (safeMethods.includes(method) || headers.authorization !== undefined) return
  if (isFromBrowser(headers) && !isSameOrigin(headers, site))
    throw fault('E_CSRF', { detail: `origin ${headers.origin}, sec-fetch-site ${headers['sec-fetch-site']}` })
}

/** A WebSocket handshake is a GET that no same-origin policy guards, so browsers are asked there too. */
export const refuseCrossSiteSocket = (headers: IncomingHttpHeaders, site: Site): void => {
  if (headers.authorization === undefined && headers.origin !== site.origin)
    throw fault('E_CSRF', { detail: `websocket from origin ${headers.origin}` })
}

/** Programs without a cookie (curl at sign-in) send none of these; browsers send `Origin` with every unsafe request. */
const isFromBrowser = (headers: IncomingHttpHeaders): boolean =>
  headers.cookie !== undefined || headers.origin !== undefined || headers['sec-fetch-site'] !== undefined

const isSameOrigin = (headers: IncomingHttpHeaders, site: Site): boolean =>
  headers.origin === site.origin && headers['sec-fetch-site'] === 'same-origin'
