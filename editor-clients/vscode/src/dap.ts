/** What debugpy's variables mean. Pure. */

export interface DapVariable {
  readonly name: string;
  readonly value: string;
}

/** A local of the program: not one of debugpy's groups (`special variables`) or pseudo variables (`(return) f`). */
export function isVariable({ name }: DapVariable): boolean {
  return /^[\p{ID_Start}_][\p{ID_Continue}]*$/u.test(name);
}

/** The value is, or may be, a shortened repr. */
export function needsWhole({ value }: DapVariable): boolean {
  return value.includes("...");
}
