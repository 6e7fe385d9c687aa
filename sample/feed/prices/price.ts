import { IsPositive, IsString } from 'class-validator';

/** What the exchange says: it is somebody else's, so it is validated. */
export class Price {
  @IsString()
  symbol!: string;

  @IsPositive()
  price!: number;
}
