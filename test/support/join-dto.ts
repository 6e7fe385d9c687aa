import { IsInt, IsString } from 'class-validator';

/** A message that a `ValidationPipe` knows how to check. */
export class JoinDto {
  @IsString() room!: string;
  @IsInt() seat!: number;
}
