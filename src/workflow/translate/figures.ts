/** Where the figure of a target is read: one call of a tool for the scope, and an expression over its output. */
export interface Figure {
  tool: string;
  /** What of the scope the tool is asked about. */
  of: 'cells' | 'subscriber';
  /** jq over the output of the tool; gives one number, the worst of the scope. */
  read: string;
  /** JSON Pointer of the figure where one thing is asked about: what a guard watches. */
  pointer: string;
  better: 'higher' | 'lower';
  unit: string;
  /** How many units of what the pointer names make one of the target's; 1 if not given. */
  scale?: number;
}

const cells = (counter: string, worst: 'min' | 'max', unit: string, scale = 1): Figure => ({
  tool: 'ran_collect_cell_kpis',
  of: 'cells',
  read: `[.cells[]["${counter}"]${scale === 1 ? '' : ` / ${scale}`}] | ${worst}`,
  scale,
  pointer: `/cells/0/${counter}`,
  better: worst === 'min' ? 'higher' : 'lower',
  unit,
});
const user = (
  tool: string,
  read: string,
  pointer: string,
  better: Figure['better'],
  unit: string,
): Figure => ({ tool, of: 'subscriber', read, pointer, better, unit });

/**
 * Targets that can be read, by their names in TS 28.312 (RadioServiceExpectation, RadioNetworkExpectation), with the
 * counters of TS 28.552 behind them. Rates of a target are Mbit/s, those of the counters kbit/s.
 */
export const FIGURES: Readonly<Record<string, Figure>> = {
  DlThptPerUE: user('core_read_flow_usage', '.dlMbps', '/dlMbps', 'higher', 'Mbit/s'),
  UlThptPerUE: user('core_read_flow_usage', '.ulMbps', '/ulMbps', 'higher', 'Mbit/s'),
  DlLatency: user('core_read_flow_usage', '.delayMs', '/delayMs', 'lower', 'ms'),
  UlLatency: user('core_read_flow_usage', '.delayMs', '/delayMs', 'lower', 'ms'),
  AveDLPrbLoad: cells('RRU.PrbTotDl', 'max', '%'),
  AveULPrbLoad: cells('RRU.PrbTotUl', 'max', '%'),
  AveDLRANUEThpt: cells('DRB.UEThpDl', 'min', 'Mbit/s', 1000),
  AveULRANUEThpt: cells('DRB.UEThpUl', 'min', 'Mbit/s', 1000),
  maxNumberofUEs: cells('RRC.ConnMean', 'max', 'users'),
};
