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
import { JwtGuard, type AuthenticatedRequest, type User } from './jwt.guard.js';

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
    response.clearCookie('refresh');
  }

  @Get('me')
  @UseGuards(JwtGuard)
  me(@Req() { user }: AuthenticatedRequest) {
    return user;
  }

  /** The one for requests is the page's to keep; the one that gets the next is out of every script's reach. */
  private giveTokens(name: string, response: Response) {
    const refresh = this.jwt.sign({ name }, { expiresIn: REFRESH_SECONDS, audience: 'refresh' });
    response.cookie('refresh', refresh, { httpOnly: true, sameSite: 'strict' });
    return { token: this.jwt.sign({ name }, { expiresIn: ACCESS_SECONDS, audience: 'access' }) };
  }
}

/** The value of a cookie. */
function cookie(header: string | undefined, name: string): string | undefined {
  return new RegExp(`(?:^|; )${name}=([^;]*)`).exec(header ?? '')?.[1];
}
