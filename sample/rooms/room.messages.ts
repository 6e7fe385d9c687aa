import { IsHexColor, IsIn, IsString, Length, Max, Min } from 'class-validator';

/** Puts a note on the board, or moves it there. */
export class PlaceNote {
  @IsString()
  @Length(1, 80)
  text!: string;

  @Min(0)
  @Max(100)
  left!: number;

  @Min(0)
  @Max(100)
  top!: number;
}

/** Changes the colour of one's notes. */
export class PickColour {
  @IsHexColor()
  colour!: string;
}

/** Takes notes off the board. */
export class Clear {
  @IsIn(['mine', 'all'])
  which!: 'mine' | 'all';
}
