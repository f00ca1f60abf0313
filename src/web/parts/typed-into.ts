/** Whether keys that are pressed at `target` are somebody's typing, or answer a dialog. */
export const isTypedInto = (target: EventTarget | null): boolean =>
  target instanceof Element &&
  target.closest('input, textarea, select, dialog') !== null &&
  // For a moment after a dialog has closed the focus is still inside it: nobody sees it there.
  target.closest('dialog:not([open])') === null
