import {
  Body,
  Controller,
  Get,
  Headers,
  HttpCode,
  Post,
  Req,
  Res,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import type { Response } from 'express';
import { cookie, JwtGuard, type AuthenticatedRequest, type User } from './jwt.guard.js';

/** Short, so that one can see a token expire. */
const ACCESS_SECONDS = Number(process.env.ACCESS_SECONDS ?? 20);
const REFRESH_SECONDS = 24 * 60 * 60;

@Controller()
export class AuthController {
  constructor(private readonly jwt: JwtService) {}

  @Post('login')
  @HttpCode(200)
  login(
    @Body() { name, password }: { name?: string; password?: string },
    @Res({ passthrough: true }) response: Response,
  ) {
    if (typeof name !== 'string' || name === '' || password !== 'nest') {
      throw new UnauthorizedException('The password is "nest"');
    }
    return this.giveTokens(name, response);
  }

  @Post('refresh')
  @HttpCode(200)
  async refresh(
    @Headers('cookie') header: string | undefined,
    @Res({ passthrough: true }) response: Response,
  ) {
    try {
      const { name } = await this.jwt.verifyAsync<User>(cookie(header, 'refresh') ?? '', {
        audience: 'refresh',
      });
      return this.giveTokens(name, response);
    } catch {
      throw new UnauthorizedException('Please log in again');
    }
  }

  @Post('logout')
  @HttpCode(204)
  logout(@Res({ passthrough: true }) response: Response) {
    response.clearCookie('access').clearCookie('refresh');
  }

  @Get('me')
  @UseGuards(JwtGuard)
  me(@Req() { user }: AuthenticatedRequest) {
    return user;
  }

  private giveTokens(name: string, response: Response) {
    const options = { httpOnly: true, sameSite: 'strict' } as const;
    response.cookie(
      'access',
      this.jwt.sign({ name }, { expiresIn: ACCESS_SECONDS, audience: 'access' }),
      options,
    );
    response.cookie(
      'refresh',
      this.jwt.sign({ name }, { expiresIn: REFRESH_SECONDS, audience: 'refresh' }),
      options,
    );
    return { name };
  }
}
