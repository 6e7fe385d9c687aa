import { randomBytes } from 'node:crypto';
import { Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { FourDWebSocketModule } from 'nestjs-4d-websocket';
import { AuthController } from './auth.controller.js';
import { ClockHandler } from './clock.handler.js';
import { ClockServer } from './clock.server.js';
import { JwtGuard } from './jwt.guard.js';

@Module({
  imports: [
    JwtModule.register({ secret: process.env.JWT_SECRET ?? randomBytes(32).toString('hex') }),
    FourDWebSocketModule.forRoot(),
  ],
  controllers: [AuthController],
  providers: [JwtGuard, ClockServer, ClockHandler],
})
export class AppModule {}
