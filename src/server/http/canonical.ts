// Which request targets are looked at at all. One thing has one address: a target that another program in front of us
// could read differently (`;`, `//`, `..`, encoded slashes and dots, control characters) is refused, never repaired.
import { limits } from './limits.ts'

const pathForm = /^\/(?:[A-Za-z0-9._~!$&'()*+,=:@/-]|%[0-9A-Fa-f]{2})*$/
/** Encoded: control characters, `.` `/` `;` `\` `%`, delete. */
const refusedEscape = /%(?:[01][0-9a-f]|2[ef5]|3b|5c|7f)/i
const queryForm = /^[\x21\x24-\x7e]*$/

export const isCanonicalTarget = (target: string): boolean => {
  const mark = target.indexOf('?')
  const path = mark === -1 ? target : target.slice(0, mark)
  const query = mark === -1 ? '' : target.slice(mark + 1)
  return target.length <= limits.urlBytes && isCanonicalPath(path) && queryForm.test(query)
}

const isCanonicalPath = (path: string): boolean =>
  pathForm.test(path) &&
  !refusedEscape.test(path) &&
  !path.includes('//') &&
  !path.split('/').some((segment) => segment === '.' || segment === '..') &&
  isUtf8(path)

const isUtf8 = (path: string): boolean => {
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}
