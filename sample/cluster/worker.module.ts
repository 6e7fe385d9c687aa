import { Module } from '@nestjs/common';
import { BackplaneModule } from './backplane.module.js';
import { ClockService } from './clock.service.js';

@Module({
  imports: [BackplaneModule],
  providers: [ClockService],
})
export class WorkerModule {}
