import { z } from 'zod';
import type { Cell, Simulation } from '../model.ts';
import { PLMN } from './schemas.ts';

/** Some consumers put any cell under `ncgis`: an id of 7 digits is an E-UTRA cell. */
const anyCell = z.string().regex(/^([0-9a-f]{7}|[0-9a-f]{9})$/i, 'is no cell id of 7 or 9 hex digits');

/** NetworkAreaInfo of TS 29.554 5.6.2.8. */
export const area = z.looseObject({
  ncgis: z.array(z.looseObject({ nrCellId: anyCell })).optional(),
  ecgis: z.array(z.looseObject({ eutraCellId: anyCell })).optional(),
  tais: z.array(z.looseObject({ tac: z.string().regex(/^[0-9a-f]{4}([0-9a-f]{2})?$/i) })).optional(),
});
export type Area = z.output<typeof area>;

export interface CellInArea {
  cell: Cell;
  /** The cell as an area, in the form in which it was asked for. */
  area: object;
}

/** Cells of an area that exist; a tracking area is all NR cells of its region. */
export function cellsOf(simulation: Simulation, { ncgis = [], ecgis = [], tais = [] }: Area): CellInArea[] {
  const asked = [
    ...ncgis.map(({ nrCellId }) => ({ id: nrCellId, area: { ncgis: [{ plmnId: PLMN, nrCellId }] } })),
    ...ecgis.map(({ eutraCellId }) => ({
      id: eutraCellId,
      area: { ecgis: [{ plmnId: PLMN, eutraCellId }] },
    })),
    ...tais.flatMap(({ tac }) =>
      simulation
        .regions()
        .filter((region) => region.tac === tac.toLowerCase())
        .flatMap((region) => simulation.cells(region.id))
        .filter(({ rat }) => rat === 'NR')
        .map(({ id }) => ({ id, area: { ncgis: [{ plmnId: PLMN, nrCellId: id }] } })),
    ),
  ];
  return asked.flatMap((one) => {
    const cell = simulation.cell(one.id.toLowerCase());
    return cell === undefined ? [] : [{ cell, area: one.area }];
  });
}
