declare module '*.css' {
  const css: string;
  export default css;
}
/** Set by build.mjs. */
declare const __VERSION__: string;
declare const __APP__: string;
